-- callback-cancel — the client got through meanwhile, or somebody took the task away.
-- KEYS     tasks due
-- ARGV     number
-- RETURNS  'cancelled' | 'gone'
local tasks, due = KEYS[1], KEYS[2]
redis.call('ZREM', due, ARGV[1])
return redis.call('HDEL', tasks, ARGV[1]) == 1 and 'cancelled' or 'gone'
