-- event-add — put a batch of events on a PBX's log, whole or not at all, and wake those who follow it.
-- KEYS     events
-- ARGV     now after isBroken isRepeat keep ttlMs batch
-- RETURNS  the cursor of the last event
-- INCLUDE  now events
local events = KEYS[1]
local now, after, is_broken, is_repeat = time_now(ARGV[1]), ARGV[2], ARGV[3] == 'yes', ARGV[4] == 'yes'
local keep, ttl, batch = ARGV[5], ARGV[6], cjson.decode(ARGV[7]) -- list of {tag, type, data}

-- The reply to the first attempt was lost: it may have been carried out.
if is_repeat then
  local tag = batch[#batch][1]
  for _, entry in ipairs(redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1000)) do
    if entry[2][2] == tag then return cursor_of(entry) end
  end
end

local newest = newest_of(events)
local epoch, number = 0, 0
if newest then epoch, number = parts_of(newest[1]) end
if not newest or is_broken or (after ~= '' and place_of(events, after) == 'lost') then
  epoch, number = math.max(now, epoch + 1), 0
end
local id
for _, event in ipairs(batch) do
  number = number + 1
  id = string.format('%.0f-%.0f', epoch, number)
  redis.call('XADD', events, 'MAXLEN', '~', keep, id, 'tag', event[1], 'type', event[2], 'data', event[3])
end
redis.call('PEXPIRE', events, ttl)
redis.call('PUBLISH', events, id)
return id .. '-' .. batch[#batch][1]
