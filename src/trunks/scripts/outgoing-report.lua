-- outgoing-report — a node tells of its calls to the telephone network: which it still has, which are over, and how long they have talked since it told last.
-- KEYS     calls talked
-- ARGV     now ttlMs day talkedMs held over
-- RETURNS  {'reported', talkedToday}
-- INCLUDE  now
local calls, talked = KEYS[1], KEYS[2]
local now, ttl, day, ms = time_now(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
-- Those that Redis has lost, or that it took for a dead node's, are counted again.
for call in string.gmatch(ARGV[5], '%S+') do redis.call('ZADD', calls, now + ttl, call) end
for call in string.gmatch(ARGV[6], '%S+') do redis.call('ZREM', calls, call) end
redis.call('PEXPIRE', calls, ttl * 2)

-- A node whose clock is behind reports to the day that another has begun.
local stored = redis.call('HGET', talked, 'day')
if not stored or stored < day then
  redis.call('DEL', talked)
  redis.call('HSET', talked, 'day', day, 'ms', 0)
end
local today = redis.call('HINCRBY', talked, 'ms', ms)
redis.call('PEXPIRE', talked, 2 * 24 * 3600 * 1000)
return { 'reported', today }
