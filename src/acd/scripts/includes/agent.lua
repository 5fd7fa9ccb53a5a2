-- Until when one of his accounts is registered.
local function read_reachable(agent, member)
  agent.reachableUntil = 0
  for _, account in ipairs(member.accounts) do
    local json = redis.call('HGET', bindings, account)
    for _, binding in ipairs(json and cjson.decode(json) or {}) do
      agent.reachableUntil = math.max(agent.reachableUntil, binding.expiresAt)
    end
  end
end

-- Why an employee cannot be offered a call now; nil when he can. The only place that decides it, for every group and for all nodes. `as_known`: nothing is
-- looked up, and so nothing of him changes.
local function unavailable(agent, member, as_known)
  if next(agent.calls) then return 'inCall' end
  if agent.reservation then return 'reserved' end
  if not member.phone and agent.reachableUntil <= now then
    -- Nobody tells of a phone that has registered again in time.
    if not as_known then read_reachable(agent, member) end
    if agent.reachableUntil <= now then return 'unregistered' end
  end
  if member.respectsStatus and agent.base ~= 'online' then return agent.base end
  if agent.wrapUpUntil > now then return 'wrapUp' end
  if agent.excludedUntil > now then return 'excluded' end
  return nil
end

-- The same, as it is told. One who stands among the free may have registered again without anybody having been told. Of the other members nothing is looked up:
-- nobody would serve them now, and a list must not say what the events do not. Those in no group are looked up, because nobody is woken when their
-- registrations end.
local function unavailable_as_told(agent, member)
  return unavailable(agent, member, #agent.freeAs == 0 and #member.groups > 0)
end

-- Where he stands among the free of a group: the smallest is chosen first. Ties go by the order of the list.
local function order_of(agent, algorithm, priority, index)
  local listed = string.format('%05d', index)
  if algorithm == 'longestIdle' then return sortable(agent.lastEnd) .. listed end
  if algorithm == 'leastTalkTime' then return sortable(agent.talkToday) .. listed end
  if algorithm == 'fewestAnswered' then return sortable(agent.answeredToday) .. listed end
  local ranked = string.format('%04d', priority)
  if algorithm == 'priorityParallel' then return ranked .. listed end
  if algorithm == 'longestIdleByPriority' then return ranked .. sortable(agent.lastEnd) .. listed end
  return listed -- sequential, random, all
end
local function priority_in(order) return tonumber(string.sub(order, 1, 4)) end

local function leave_free(agent)
  if #agent.freeAs > 0 then redis.call('ZREM', free, unpack(agent.freeAs)) end
  agent.freeAs = {}
end

local function enter_free(id, agent, member)
  local arguments = {}
  for _, of in ipairs(member.groups) do
    local entry = of[1] .. '\n' .. order_of(agent, of[2], of[3], of[4]) .. '\n' .. id
    table.insert(agent.freeAs, entry)
    table.insert(arguments, 0)
    table.insert(arguments, entry)
  end
  if #arguments > 0 then redis.call('ZADD', free, unpack(arguments)) end
end

-- Wakes him when the first thing that keeps him from calls, or lets him take them, is over.
local function set_alarm(id, agent, member)
  local at = 0
  local function also(due)
    if due > now and due < 1e15 and (at == 0 or due < at) then at = due end
  end
  if agent.reservation then also(math.max(agent.reservation.expires, now + 1)) end
  also(agent.wrapUpUntil)
  also(agent.excludedUntil)
  if not member.phone and #member.groups > 0 then also(agent.reachableUntil) end
  if at == agent.wakeAt then return end
  agent.wakeAt = at
  if at == 0 then
    redis.call('ZREM', timers, 'agent\n' .. id)
  else
    redis.call('ZADD', timers, integer(at), 'agent\n' .. id)
  end
end

local function occupy(id, call, occupation)
  agent_of(id).calls[call] = occupation
  redis.call('ZADD', owned, 0, occupation.node .. '\ncall\n' .. id .. '\n' .. call)
  touch(id)
end

local function forget_agent(id)
  redis.call('HDEL', agents, id)
  redis.call('ZREM', timers, 'agent\n' .. id)
  redis.call('SREM', counted, id)
  agent_cache[id], changed[id] = nil, nil
end

-- Before his figures of the day change: once they are not zero he is known.
local function count_today(id, agent)
  if agent.talkToday == 0 and agent.answeredToday == 0 then redis.call('SADD', counted, id) end
end

-- A call of his is over: what he talked counts for today, and after-call work begins.
local function release(id, call)
  local agent = agent_of(id)
  local occupation = agent.calls[call]
  if not occupation then return false end
  agent.calls[call] = nil
  redis.call('ZREM', owned, occupation.node .. '\ncall\n' .. id .. '\n' .. call)
  if occupation.talkSince then
    count_today(id, agent)
    agent.talkToday = agent.talkToday + math.max(0, now - math.max(occupation.talkSince, day_start()))
    agent.lastEnd = now
    if occupation.wrapUpMs and occupation.wrapUpMs > 0 then agent.wrapUpUntil = now + occupation.wrapUpMs end
    if occupation.group then
      count(occupation.group, 'talkMs', now - occupation.talkSince)
      count(occupation.group, 'ended', 1)
    end
  end
  touch(id)
  return true
end
