-- event-add — put a batch of events on a PBX's log, whole or not at all, and wake those who follow it.
-- KEYS     events
-- ARGV     now after isBroken isRepeat keep batch
-- RETURNS  the cursor of the last event
-- INCLUDE  now events
local events = KEYS[1]
local now, after, is_broken, is_repeat = time_now(ARGV[1]), ARGV[2], ARGV[3] == 'yes', ARGV[4] == 'yes'
local keep, batch = tonumber(ARGV[5]), cjson.decode(ARGV[6]) -- '': as usual; list of {tag, type, data}

-- The reply to the first attempt was lost: it may have been carried out.
if is_repeat then
  local tag = batch[#batch][1]
  for _, entry in ipairs(redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1000)) do
    if entry[2][2] == tag then return cursor_of(entry) end
  end
end

local has_lost = after ~= '' and newest_of(events) and place_of(events, after) == 'lost'
return add_events(events, now, batch, is_broken or has_lost, keep)
