-- callback-report — an attempt is over: the task is done, or is due again after its interval, or has used its attempts up.
-- KEYS     tasks due events
-- ARGV     now number lease outcome
-- RETURNS  'done' | 'again' | 'exhausted' | 'gone'
-- INCLUDE  now events callback
local number, outcome = ARGV[2], ARGV[4]
local task = task_of(number)
-- Cancelled meanwhile, or taken by another after the lease was over.
if not task or task.lease ~= tonumber(ARGV[3]) then return 'gone' end
if outcome ~= 'postponed' then task.attempts = task.attempts + 1 end
local word = 'again'
if outcome == 'talked' then word = 'done' elseif task.attempts >= task.maxAttempts then word = 'exhausted' end
local due_at = word == 'again' and now + task.intervalMs or now
if word == 'again' then keep_task(number, task, due_at) else remove_task(number) end
tell(word, number, task, due_at)
tell_all()
return word
