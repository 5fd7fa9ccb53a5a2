-- leave — a caller leaves the queue before anybody answered him; his place is kept for a while, if he is to have it back.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call why keepMs
-- RETURNS  {'left', waitedMs, story} | {'gone'}
-- INCLUDE  now events state agent offer changes
local call, why, keep = ARGV[3], ARGV[4], tonumber(ARGV[5])
local caller = caller_of(call)
if not caller then return { 'gone' } end
keep_place(caller, keep)
count(caller.group, why, 1)
local story = cjson.encode(caller.story)
remove_caller(call, caller, why)
settle()
commit()
return { 'left', now - caller.enteredAt, story }
