-- position — where a caller stands: how many wait who are not being offered to anybody, and which of them he is.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call
-- RETURNS  {'waiting', position, size, since} | {'offered', 0, size, since} | {'gone'}
-- INCLUDE  now events state agent offer changes
local call = ARGV[3]
local caller = caller_of(call)
if not caller then return { 'gone' } end
local from, to = from_of(caller.group), to_of(caller.group)
local size = redis.call('ZLEXCOUNT', queue, from, to)
local since = tonumber(string.sub(caller.place, 1, 13))
if next(caller.offers) then return { 'offered', 0, size, since } end
return { 'waiting', redis.call('ZLEXCOUNT', queue, from, '[' .. entry_of(call, caller)), size, since }
