-- callback-renew — an attempt goes on: its holder keeps the task for another lease.
-- KEYS     tasks due events
-- ARGV     now number lease leaseMs
-- RETURNS  'held' | 'gone'
-- INCLUDE  now events callback
local task = task_of(ARGV[2])
if not task or task.lease ~= tonumber(ARGV[3]) then return 'gone' end
redis.call('ZADD', due, integer(now + tonumber(ARGV[4])), ARGV[2])
return 'held'
