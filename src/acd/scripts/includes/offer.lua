-- After the last second of ringing: how long the node has to report what came of it, ms.
local grace = 5000
-- How many steps of a caller's story are kept.
local longest_story = 16

local function entry_of(call, caller) return caller.group .. '\n' .. caller.place .. '\n' .. call end

-- The caller of whom the script knows that nobody waits before him in his queue.
local first_in_queue
at_begin(function() first_in_queue = nil end)

local function wait_in_queue(call, caller)
  redis.call('ZADD', queue, 0, entry_of(call, caller))
  first_in_queue = nil
end

-- Until his timer has taken it back, which serves whoever came first.
local function is_refused(caller, id) return caller.refused[id] ~= nil end

local function wake_caller(call, caller)
  local at = caller.pickedUp and 0 or caller.endsAt
  for _, until_then in pairs(caller.refused) do
    if at == 0 or until_then < at then at = until_then end
  end
  if at == 0 then
    redis.call('ZREM', timers, 'caller\n' .. call)
  else
    redis.call('ZADD', timers, integer(math.max(at, now)), 'caller\n' .. call)
  end
end

local function note(caller, step)
  step.at = now
  table.insert(caller.story, step)
  if #caller.story > longest_story then table.remove(caller.story, 1) end
end

-- Fencing tokens grow with the time, for each agent and for each caller: none comes twice to either, not even when Redis has lost its data or gone back to
-- older ones.
local function next_token(caller, agent)
  local token = math.max(caller.token + 1, agent.token + 1, now)
  caller.token, agent.token = token, token
  return token
end

-- Reserves both in this script: nobody else can be offered to the caller or be offered the agent meanwhile, by any group, on any node.
local function offer(call, caller, id, agent, why)
  local token = next_token(caller, agent)
  local expires = now + caller.ringMs + grace
  agent.reservation = { call = call, token = token, expires = expires, group = caller.group }
  changed[id] = true
  leave_free(agent)
  set_alarm(id, agent, member_of(id))
  if not next(caller.offers) then
    redis.call('ZREM', queue, entry_of(call, caller))
    redis.call('ZADD', ringing, 0, entry_of(call, caller))
  end
  caller.offers[id] = { token = token, expires = expires }
  note(caller, { agent = id, why = why })
  count(caller.group, 'offered', 1)
  tell(caller.node, { type = 'offer', call = call, agent = id, token = token, ringMs = caller.ringMs, why = why })
end

-- Whether the index is right about him: a registration may have run out without anybody having been woken yet.
local function is_free(id)
  local agent = agent_of(id)
  if #agent.freeAs == 0 then return false end
  if not unavailable(agent, member_of(id)) then return true end
  touch(id)
  return false
end

local function may_ring(caller, id) return not caller.tried[id] and not is_refused(caller, id) and is_free(id) end

-- Calls `want(id, order)` for the free of a group in the order of choice, until it returns false.
local function walk_free(group, want)
  local from, to, at, size = from_of(group), to_of(group), 0, 1
  while true do
    local entries = redis.call('ZRANGEBYLEX', free, from, to, 'LIMIT', at, size)
    for _, entry in ipairs(entries) do
      if not want(third_part(entry), second_part(entry)) then return end
    end
    if #entries < size then return end
    at = at + size
    size = 20
  end
end

-- One of a group's free, each as likely as the other, without walking through them: those who may not be rung are few, and are stepped over.
local function any_free(caller)
  local from = from_of(caller.group)
  local left = redis.call('ZLEXCOUNT', free, from, to_of(caller.group))
  local before = redis.call('ZLEXCOUNT', free, '-', '(' .. caller.group .. '\n')
  local taken, seen = {}, {}
  for _, barred in ipairs({ caller.tried, caller.refused }) do
    for id in pairs(barred) do
      local counts = not seen[id] and (caller.tried[id] or is_refused(caller, id))
      seen[id] = true
      for _, entry in ipairs(counts and agent_of(id).freeAs or {}) do
        if string.sub(entry, 1, #from - 1) == caller.group .. '\n' then
          table.insert(taken, redis.call('ZRANK', free, entry) - before)
        end
      end
    end
  end
  table.sort(taken)
  left = left - #taken
  while left > 0 do
    local at = left > 1 and math.floor(next_chance() * left) or 0
    for _, rank in ipairs(taken) do
      if rank <= at then at = at + 1 end
    end
    local id = third_part(redis.call('ZRANGE', free, before + at, before + at)[1])
    if is_free(id) then return id end
    table.insert(taken, at)
    table.sort(taken)
    left = left - 1
  end
  return nil
end

local function is_member(id, group)
  for _, of in ipairs(member_of(id).groups) do
    if of[1] == group then return true end
  end
  return false
end

-- Whom the algorithm of the group chooses for a caller, of those who are free: list of {id, why}. Empty: nobody.
local function choose(caller)
  local group = group_of(caller.group)
  if not group then return {} end
  local known = caller.familiar
  if known and may_ring(caller, known) and is_member(known, caller.group) then return { { known, 'familiar' } } end
  local algorithm = group.algorithm
  if algorithm == 'random' then
    local id = any_free(caller)
    return id and { { id, 'random' } } or {}
  end
  local chosen, level = {}, nil
  walk_free(caller.group, function(id, order)
    if not may_ring(caller, id) then return true end
    if algorithm == 'priorityParallel' then
      level = level or priority_in(order)
      if priority_in(order) ~= level then return false end
    end
    table.insert(chosen, { id, algorithm })
    return algorithm == 'all' or algorithm == 'priorityParallel'
  end)
  return chosen
end

-- Offers a caller to whoever is to be rung for him now. False: nobody is free for him. When every free member has been tried in this round, the
-- next one begins, unless the caller does not wait for another. `why`: instead of the algorithm.
local function seek(call, caller, why)
  local chosen = choose(caller)
  if #chosen == 0 and caller.waits and next(caller.tried) then
    local tried = caller.tried
    caller.tried = {}
    chosen = choose(caller)
    if #chosen == 0 then caller.tried = tried end
  end
  for _, one in ipairs(chosen) do offer(call, caller, one[1], agent_of(one[1]), one[2] ~= 'familiar' and why or one[2]) end
  return #chosen > 0
end

-- The caller who has waited longest of those whom an employee may be offered, in all his groups: {call, caller, passed}; false: none. `passed` are
-- those before him in the same queue: he has refused them.
local function longest_waiting(id)
  -- Of each queue the first who is left, and those who are passed already.
  local lines = {}
  local function advance(line)
    line.entry = redis.call('ZRANGEBYLEX', queue, from_of(line.group), to_of(line.group), 'LIMIT', #line.passed, 1)[1]
    line.place = line.entry and second_part(line.entry)
  end
  for i, of in ipairs(member_of(id).groups) do
    lines[i] = { group = of[1], passed = {} }
    advance(lines[i])
  end
  while true do
    local first
    for _, line in ipairs(lines) do
      if line.entry and (not first or line.place < first.place) then first = line end
    end
    if not first then return false end
    local call = third_part(first.entry)
    local caller = caller_of(call)
    if not is_refused(caller, id) then return { call = call, caller = caller, passed = first.passed } end
    table.insert(first.passed, caller)
    advance(first)
  end
end

-- Gives those who have become available the callers who wait, the longest waiting first. Which of several gets him is the algorithm's choice.
local function serve(fresh)
  local next_of = {}
  while true do
    local first
    for _, id in ipairs(fresh) do
      if #agent_of(id).freeAs > 0 then
        local found = next_of[id]
        if found == nil or (found and next(found.caller.offers)) then found = longest_waiting(id) end
        next_of[id] = found
        if found and (not first or found.caller.place < first.caller.place) then first = found end
      end
    end
    if not first or not seek(first.call, first.caller, 'nextFree') then return end
    for id in pairs(first.caller.offers) do
      local found = next_of[id]
      for _, passed in ipairs(found and found.call == first.call and found.passed or {}) do passed.passedOver[id] = now end
    end
  end
end

-- Nobody waits. Where several ring at once he rings along, with those of his priority or a lower one.
local function ring_along(id, agent)
  for _, of in ipairs(member_of(id).groups) do
    if of[2] == 'all' or of[2] == 'priorityParallel' then
      local entries = redis.call('ZRANGEBYLEX', ringing, from_of(of[1]), to_of(of[1]), 'LIMIT', 0, 10)
      for _, entry in ipairs(entries) do
        local call = third_part(entry)
        local caller = caller_of(call)
        local joins = not caller.pickedUp and not caller.tried[id] and not is_refused(caller, id)
        if joins and of[2] == 'priorityParallel' then
          for other in pairs(caller.offers) do
            for _, theirs in ipairs(member_of(other).groups) do
              if theirs[1] == of[1] and theirs[3] < of[3] then joins = false end
            end
          end
        end
        if joins then return offer(call, caller, id, agent, of[2]) end
      end
    end
  end
end

-- One alone has become available: whoever waits longest for him is his, for nobody else can take that caller. What happens with each call that ends.
local function serve_one(id, agent, member)
  local found = longest_waiting(id)
  if found then
    local caller = found.caller
    if #found.passed == 0 then first_in_queue = found.call end
    if caller.tried[id] then caller.tried = {} end
    for _, passed in ipairs(found.passed) do passed.passedOver[id] = now end
    return offer(found.call, caller, id, agent, caller.familiar == id and 'familiar' or 'nextFree')
  end
  ring_along(id, agent)
  if not agent.reservation then enter_free(id, agent, member) end
end

-- Brings `free` up to date with the facts of all who were touched, and gives those who became available their next callers.
local function settle()
  while #touched > 0 do
    local ids, fresh = touched, {}
    touched = {}
    -- In an order that does not depend on Lua's tables.
    table.sort(ids)
    for i, id in ipairs(ids) do
      local agent, member = agent_of(id), member_of(id)
      if id ~= ids[i - 1] then
        leave_free(agent)
        if not unavailable(agent, member) then table.insert(fresh, id) end
      end
    end
    if #fresh == 1 then
      serve_one(fresh[1], agent_of(fresh[1]), member_of(fresh[1]))
    else
      for _, id in ipairs(fresh) do enter_free(id, agent_of(id), member_of(id)) end
      serve(fresh)
      for _, id in ipairs(fresh) do
        if #agent_of(id).freeAs > 0 then ring_along(id, agent_of(id)) end
      end
    end
    for _, id in ipairs(ids) do set_alarm(id, agent_of(id), member_of(id)) end
  end
end

-- Takes back what an agent was offered. He is free again with `settle`.
local function withdraw(id, token)
  local agent = agent_of(id)
  if agent.reservation and agent.reservation.token == token then agent.reservation = false end
  touch(id)
end

-- Takes a caller out of everything; whoever was rung for him is free again. `why`, and the employee who has him: for those who watch.
local function remove_caller(call, caller, why, employee)
  if offered_before[call] then table.insert(gone, { call = call, caller = caller, why = why, employee = employee }) end
  offered_before[call] = nil
  for id, made in pairs(caller.offers) do withdraw(id, made.token) end
  redis.call('ZREM', queue, entry_of(call, caller))
  redis.call('ZREM', ringing, entry_of(call, caller))
  redis.call('ZREM', timers, 'caller\n' .. call)
  redis.call('ZREM', owned, caller.node .. '\ncaller\n' .. call)
  redis.call('HDEL', callers, call)
  caller_cache[call] = false
end

-- Whoever rings again with the same number before `keep` ms are over gets his place back.
local function keep_place(caller, keep)
  if keep <= 0 or caller.number == '' or not caller.waits then return end
  local remembered = caller.group .. '\n' .. caller.number
  redis.call('HSET', places, remembered, integer(now + keep) .. ' ' .. caller.place)
  redis.call('ZADD', timers, integer(now + keep), 'place\n' .. remembered)
end

-- Ends the wait of a caller from this side; his node tells him.
local function give_up(call, caller, reason)
  count(caller.group, reason, 1)
  tell(caller.node, { type = 'over', call = call, reason = reason })
  remove_caller(call, caller, reason)
end

-- An offer came to nothing. The caller looks for another at once, before the agent is free again: he would only get the same call back.
-- `pause`: for how long the agent gets no calls at all; `again`: for how long not this one, ms.
local function miss(call, caller, id, outcome, pause, again)
  local made = caller.offers[id]
  caller.offers[id] = nil
  caller.pickedUp = false
  caller.tried[id] = outcome
  for i = #caller.story, 1, -1 do
    if caller.story[i].agent == id then
      caller.story[i].outcome = outcome
      break
    end
  end
  count(caller.group, outcome, 1)
  local agent = agent_of(id)
  if pause > 0 and now + pause > agent.excludedUntil then
    agent.excludedUntil = now + pause
    agent.excludedFor = outcome
  end
  if again > 0 then caller.refused[id] = now + again end
  if not next(caller.offers) then
    redis.call('ZREM', ringing, entry_of(call, caller))
    if not seek(call, caller) then
      if caller.waits then
        wait_in_queue(call, caller)
      else
        give_up(call, caller, 'nobodyAnswered')
      end
    end
  end
  if caller_cache[call] then wake_caller(call, caller) end
  withdraw(id, made.token)
end
