-- miss — an offer came to nothing: the caller looks for another member at once, the agent rests for the pause that belongs to the outcome.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call agent token outcome pauseMs againMs
-- RETURNS  'ringing' (others still ring for him, or now do) | 'waiting' | 'over' | 'gone'
-- INCLUDE  now events state agent offer changes
local call, id, token = ARGV[3], ARGV[4], tonumber(ARGV[5])
local caller = caller_of(call)
local made = caller and caller.offers[id]
if not made or made.token ~= token then return 'gone' end
miss(call, caller, id, ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]))
settle()
commit()
caller = caller_of(call)
if not caller then return 'over' end
return next(caller.offers) and 'ringing' or 'waiting'
