-- callback-cancel — the client got through meanwhile, or somebody took the task away: whoever is at work on it stops at once.
-- KEYS     tasks due
-- ARGV     number by
-- RETURNS  'cancelled' | 'gone'
local tasks, due = KEYS[1], KEYS[2]
redis.call('ZREM', due, ARGV[1])
if redis.call('HDEL', tasks, ARGV[1]) == 0 then return 'gone' end
redis.call('PUBLISH', tasks, ARGV[2] .. ' ' .. ARGV[1])
return 'cancelled'
