-- end-call — a call of an agent is over: his figures, his after-call work, his next caller.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agent call
-- RETURNS  'ended' | 'gone'
-- INCLUDE  now events state agent offer changes
local was_there = release(ARGV[3], ARGV[4])
settle()
commit()
return was_there and 'ended' or 'gone'
