-- enqueue — put a caller into the queue of a group and offer him at once to whoever is free; a call waits in one queue at a time.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call node group number request
-- RETURNS  {'offered' | 'waiting', place, since} | {'full'} | {'nobody'} | {'unknown-group'}
-- INCLUDE  now events state agent offer changes
local call, node, group_id, number = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
-- {ringMs, maxWaitMs, maxLength, wrapUpMs, waits, familiar, place}; maxWaitMs and maxLength 0: without limit; place: one he has had before
local request = cjson.decode(ARGV[7])

local old = caller_of(call)
if old then remove_caller(call, old, 'elsewhere') end
local function refused(word)
  settle()
  commit()
  return { word }
end
local group = group_of(group_id)
if not group then return refused('unknown-group') end
if group.size == 0 then return refused('nobody') end

local remembered = group_id .. '\n' .. number
local place = request.place
if not place and number ~= '' then
  local kept = redis.call('HGET', places, remembered)
  if kept then
    local until_then, his = string.match(kept, '^(%d+) (.*)$')
    if tonumber(until_then) > now then place = his end
    redis.call('HDEL', places, remembered)
    redis.call('ZREM', timers, 'place\n' .. remembered)
  end
end
local is_back = place and true or false
place = place or (sortable(now) .. sortable(redis.call('HINCRBY', meta, 'turn', 1)))

local caller = {
  node = node,
  group = group_id,
  number = number,
  place = place, -- when he joined, and a number that makes it unique
  enteredAt = now,
  endsAt = request.maxWaitMs > 0 and now + request.maxWaitMs or 0,
  waits = request.waits,
  ringMs = request.ringMs,
  wrapUpMs = request.wrapUpMs,
  familiar = request.familiar and number ~= '' and redis.call('HGET', familiar, remembered),
  tried = {}, -- employee → outcome, in this round
  refused = {}, -- employee → until when he is not to be offered this call
  passedOver = {}, -- employee → when he became free and took a later caller, because he had refused this one
  offers = {}, -- employee → {token, expires}
  token = old and old.token or 0, -- of his last offer
  pickedUp = false, -- or the employee who has answered, but does not talk to him yet
  story = {}, -- of {at, agent, why, outcome}
}
local ahead = redis.call('ZLEXCOUNT', queue, from_of(group_id), to_of(group_id))
local is_offered = seek(call, caller)
if not is_offered then
  if not caller.waits then return refused('nobody') end
  if request.maxLength > 0 and ahead >= request.maxLength and not is_back then
    count(group_id, 'queueFull', 1)
    return refused('full')
  end
  wait_in_queue(call, caller)
end
caller_cache[call] = caller
redis.call('ZADD', owned, 0, node .. '\ncaller\n' .. call)
count(group_id, 'entered', 1)
wake_caller(call, caller)
settle()
commit()
return { is_offered and 'offered' or 'waiting', place, tonumber(string.sub(place, 1, 13)) }
