-- keep-lines — the node still has these lines of a trunk; those that Redis has lost are taken again.
-- KEYS     lines
-- ARGV     now ttlMs held
-- RETURNS  {'kept', count}
-- INCLUDE  now
local lines = KEYS[1]
local now, ttl = time_now(ARGV[1]), tonumber(ARGV[2])
local count = 0
for line in string.gmatch(ARGV[3], '%S+') do
  redis.call('ZADD', lines, now + ttl, line)
  count = count + 1
end
redis.call('PEXPIRE', lines, ttl * 2)
return { 'kept', count }
