-- list-queue — who waits for a group, in order, the first of them; callers for whom somebody is being rung stand in their place too.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance group limit
-- RETURNS  {JSON…}
-- INCLUDE  now events state agent offer changes
local group, limit = ARGV[3], tonumber(ARGV[4])
local places_of = {}
for _, index in ipairs({ queue, ringing }) do
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', index, from_of(group), to_of(group), 'LIMIT', 0, limit)) do
    table.insert(places_of, entry)
  end
end
table.sort(places_of)
local reply = {}
for i = 1, math.min(limit, #places_of) do
  local call = third_part(places_of[i])
  table.insert(reply, cjson.encode(shown_caller(call, caller_of(call))))
end
return reply
