-- callback-report — an attempt is over: the task is done, or is due again after its interval, or has used its attempts up.
-- KEYS     tasks due
-- ARGV     now number lease outcome
-- RETURNS  'done' | 'again' | 'exhausted' | 'gone'
-- INCLUDE  now
local tasks, due = KEYS[1], KEYS[2]
local now, number, outcome = time_now(ARGV[1]), ARGV[2], ARGV[4]
local json = redis.call('HGET', tasks, number)
local task = json and cjson.decode(json)
-- Cancelled meanwhile, or taken by another after the lease was over.
if not task or task.lease ~= tonumber(ARGV[3]) then return 'gone' end
if outcome ~= 'postponed' then task.attempts = task.attempts + 1 end
local word = 'again'
if outcome == 'talked' then word = 'done' elseif task.attempts >= task.maxAttempts then word = 'exhausted' end
if word == 'again' then
  redis.call('HSET', tasks, number, cjson.encode(task))
  redis.call('ZADD', due, string.format('%.0f', now + task.intervalMs), number)
else
  redis.call('HDEL', tasks, number)
  redis.call('ZREM', due, number)
end
return word
