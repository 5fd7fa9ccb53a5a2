-- set-wrap-up — after-call work begins, is prolonged, or (0 ms) is over.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agent forMs
-- RETURNS  'set'
-- INCLUDE  now events state agent offer changes
local length = tonumber(ARGV[4])
agent_of(ARGV[3]).wrapUpUntil = length > 0 and now + length or 0
touch(ARGV[3])
settle()
commit()
return 'set'
