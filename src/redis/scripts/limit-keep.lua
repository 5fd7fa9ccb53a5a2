-- limit-keep — the node still has these; those that Redis has lost are taken again.
-- KEYS     taken
-- ARGV     now ttlMs held
-- RETURNS  {'kept', count}
-- INCLUDE  now
local taken = KEYS[1]
local now, ttl = time_now(ARGV[1]), tonumber(ARGV[2])
local count = 0
for one in string.gmatch(ARGV[3], '%S+') do
  redis.call('ZADD', taken, now + ttl, one)
  count = count + 1
end
redis.call('PEXPIRE', taken, ttl * 2)
return { 'kept', count }
