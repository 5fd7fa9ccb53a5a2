-- day-figures — figures of the day of a group, and how many wait.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance group names
-- RETURNS  {waiting, ringing, figure…} in the order of the names
-- INCLUDE  now events state agent offer changes
local group = ARGV[3]
local reply = {
  redis.call('ZLEXCOUNT', queue, from_of(group), to_of(group)),
  redis.call('ZLEXCOUNT', ringing, from_of(group), to_of(group)),
}
for _, name in ipairs(cjson.decode(ARGV[4])) do
  table.insert(reply, tonumber(redis.call('HGET', figures, group .. '\n' .. name) or 0))
end
return reply
