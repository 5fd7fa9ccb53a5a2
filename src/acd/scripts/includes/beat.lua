-- What is done with time. Each part does a bounded piece of work and says whether there is more.
local piece = 100

-- Gives up what dead nodes had: their callers, who may ring again and have their places back, and the calls of agents.
local function reap_nodes(keep)
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', nodes, '-inf', '(' .. integer(now))) do
    local had = redis.call('ZRANGEBYLEX', owned, '[' .. node .. '\n', '(' .. node .. '\11', 'LIMIT', 0, piece)
    for _, entry in ipairs(had) do
      local kind, rest = string.match(string.sub(entry, #node + 2), '^([^\n]*)\n(.*)$')
      if kind == 'caller' then
        local caller = caller_of(rest)
        if caller then
          count(caller.group, 'lost', 1)
          keep_place(caller, keep)
          remove_caller(rest, caller, 'lost')
        end
      else
        local id, call = string.match(rest, '^([^\n]*)\n(.*)$')
        release(id, call)
      end
      redis.call('ZREM', owned, entry)
      settle()
    end
    if #had == piece then return true end
    redis.call('ZREM', nodes, node)
  end
  return false
end

local function wake_agent(id)
  local agent = agent_of(id)
  agent.wakeAt = 0
  local reserved = agent.reservation
  if reserved and reserved.expires <= now then
    -- Nobody said what came of the offer: its node hangs. The agent may have been rung, or not.
    local caller = caller_of(reserved.call)
    if caller and caller.offers[id] then
      tell(caller.node, { type = 'withdraw', call = reserved.call, agent = id, token = reserved.token })
      miss(reserved.call, caller, id, 'expired', 0, 0)
    else
      agent.reservation = false
    end
  end
  touch(id)
end

local function wake_waiting(call)
  local caller = caller_of(call)
  if not caller then return end
  if caller.endsAt > 0 and caller.endsAt <= now and not caller.pickedUp then return give_up(call, caller, 'queueTimeout') end
  for id, until_then in pairs(caller.refused) do
    if until_then <= now then
      caller.refused[id] = nil
      -- One who had refused him may be free.
      touch(id)
    end
  end
  wake_caller(call, caller)
end

local function run_timers()
  local due = redis.call('ZRANGEBYSCORE', timers, '-inf', integer(now), 'LIMIT', 0, piece)
  for _, entry in ipairs(due) do
    redis.call('ZREM', timers, entry)
    local kind, id = string.match(entry, '^([^\n]*)\n(.*)$')
    if kind == 'agent' then
      wake_agent(id)
    elseif kind == 'caller' then
      wake_waiting(id)
    elseif kind == 'place' then
      redis.call('HDEL', places, id)
    end
    settle()
  end
  return #due == piece
end

-- At midnight of the PBX the figures of the day begin anew.
local function begin_day(next_midnight, this_midnight)
  if now < tonumber(redis.call('HGET', meta, 'midnight') or 0) then return false end
  -- The clock of this node is behind: it does not know yet that it is tomorrow.
  if tonumber(next_midnight) <= now then return false end
  local ids = redis.call('SPOP', counted, piece)
  for _, id in ipairs(ids) do
    agent_of(id).talkToday = 0
    agent_of(id).answeredToday = 0
    touch(id)
  end
  settle()
  if #ids == piece then return true end
  redis.call('DEL', figures, familiar)
  redis.call('HSET', meta, 'midnight', next_midnight, 'dayStart', this_midnight)
  day_start_cache = tonumber(this_midnight)
  return false
end
