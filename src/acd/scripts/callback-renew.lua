-- callback-renew — an attempt goes on: its holder keeps the task for another lease.
-- KEYS     tasks due
-- ARGV     now number lease leaseMs
-- RETURNS  'held' | 'gone'
-- INCLUDE  now
local tasks, due = KEYS[1], KEYS[2]
local json = redis.call('HGET', tasks, ARGV[2])
if not json or cjson.decode(json).lease ~= tonumber(ARGV[3]) then return 'gone' end
redis.call('ZADD', due, string.format('%.0f', time_now(ARGV[1]) + tonumber(ARGV[4])), ARGV[2])
return 'held'
