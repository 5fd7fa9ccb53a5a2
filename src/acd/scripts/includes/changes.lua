-- What has changed is written, and told to those who watch: in the same step, so that it is told once, in its order, on however many nodes.

-- What nothing is known of is not said: it is 0 or '' (`AgentState`).
local function known(fact)
  if fact ~= 0 and fact ~= '' then return fact end
end

local function facts_of(id, agent, why)
  local calls = {}
  for call, occupation in pairs(agent.calls) do
    calls[call] = { since = occupation.since, talkSince = occupation.talkSince, group = occupation.group }
  end
  return {
    employee = id,
    unavailable = why,
    status = agent.status,
    base = agent.base,
    statusAt = known(agent.statusAt),
    calls = calls,
    reservation = agent.reservation and { call = agent.reservation.call, group = agent.reservation.group } or nil,
    reachableUntil = known(agent.reachableUntil),
    wrapUpUntil = known(agent.wrapUpUntil),
    excludedUntil = known(agent.excludedUntil),
    excludedFor = known(agent.excludedFor),
    lastEnd = known(agent.lastEnd),
    talkToday = known(agent.talkToday),
    answeredToday = known(agent.answeredToday),
    isFree = #agent.freeAs > 0,
  }
end

-- What of the facts is told when it changes. Nobody watches an employee of whom nothing was ever heard: false.
local function standing_of(agent, why)
  local calls = {}
  for call, occupation in pairs(agent.calls) do table.insert(calls, occupation.talkSince and call .. '+' or call) end
  table.sort(calls)
  local offer = agent.reservation and agent.reservation.call or ''
  local is_new = agent.statusAt == 0 and agent.wrapUpUntil == 0 and agent.excludedUntil == 0 and not agent.told
  if why == 'unregistered' and is_new then return false end
  -- Nothing keeps him from calls, and he is offered none yet: his timer is still to run.
  local free = #agent.freeAs > 0 and 'free' or ''
  return string.format('%s\n%s\n%s\n%d\n%d\n%d\n%s\n%s', why or free, agent.status, agent.base, agent.statusAt, agent.wrapUpUntil, agent.excludedUntil, offer, table.concat(calls, '\n'))
end

local function shown_caller(call, caller)
  local offers = {}
  for id, made in pairs(caller.offers) do offers[id] = made.token end
  return {
    call = call,
    number = caller.number,
    node = caller.node,
    since = tonumber(string.sub(caller.place, 1, 13)),
    offers = offers,
  }
end

-- How many callers of a group there are in an index, up to an entry.
local function entries_in(index, group, upTo)
  return redis.call('ZLEXCOUNT', index, from_of(group), upTo and '[' .. upTo or to_of(group))
end

-- The same up to an entry, of which is known how many there are in all and whether it is one of them: mostly there is nothing to count.
local function entries_up_to(index, group, entry, all, is_one)
  if all == 0 or (all == 1 and is_one) then return all end
  return entries_in(index, group, entry)
end

-- {tag, type, data} of what is to be told, and how all its tags begin.
local told, tags
at_begin(function() told, tags = {}, nil end)

local function tell_all(type, what)
  what.at = now
  tags = tags or string.format('acd%d.%d.', now, tonumber(ARGV[2]) * 1e9)
  told[#told + 1] = { tags .. #told, type, cjson.encode(what) }
end

local function tell_queue(what, call, caller, more)
  local change = more or {}
  change.what = what
  change.group = caller.group
  change.caller = shown_caller(call, caller)
  change.waiting = entries_in(queue, caller.group)
  change.ringing = entries_in(ringing, caller.group)
  if what ~= 'left' then
    local entry, is_rung = entry_of(call, caller), next(caller.offers) ~= nil
    change.position = (first_in_queue == call and is_rung and 0 or entries_up_to(queue, caller.group, entry, change.waiting, not is_rung))
      + entries_up_to(ringing, caller.group, entry, change.ringing, is_rung)
  end
  tell_all('queue', change)
end

local function commit()
  for id in pairs(changed) do
    local agent = agent_of(id)
    local member = member_of(id)
    local why = unavailable_as_told(agent, member)
    local standing = standing_of(agent, why)
    if standing ~= agent.told then
      agent.told = standing
      tell_all('agent', { agent = facts_of(id, agent, why) })
    end
    redis.call('HSET', agents, id, pack_agent(agent))
  end
  for _, left in ipairs(gone) do
    tell_queue('left', left.call, left.caller, { why = left.why, employee = left.employee })
  end
  for call, caller in pairs(caller_cache) do
    if caller then
      redis.call('HSET', callers, call, pack_caller(caller))
      local before, offered = offered_before[call], offered_to(caller)
      if not before then
        tell_queue('joined', call, caller)
      elseif before ~= offered then
        tell_queue(offered == '' and 'waiting' or 'offered', call, caller)
      end
    end
  end
  if #told > 0 then add_events(events, now, told) end
end
