-- callback-cancel — the client got through meanwhile, or somebody took the task away: whoever is at work on it stops at once.
-- KEYS     tasks due events
-- ARGV     now number by
-- RETURNS  'cancelled' | 'gone'
-- INCLUDE  now events callback
local number = ARGV[2]
local task = task_of(number)
if not task or not remove_task(number) then return 'gone' end
redis.call('PUBLISH', tasks, ARGV[3] .. ' ' .. number)
tell('cancelled', number, task, now)
tell_all()
return 'cancelled'
