-- limit-take — takes one of what there is a limited number of, if one is left. What nodes had that have died comes back when its time is over.
-- KEYS     taken
-- ARGV     now limit one ttlMs
-- RETURNS  {'taken'} | {'none'}
-- INCLUDE  now
local taken = KEYS[1]
local now, limit, one, ttl = time_now(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', taken, '-inf', now)
if redis.call('ZCARD', taken) >= limit then return { 'none' } end
redis.call('ZADD', taken, now + ttl, one)
redis.call('PEXPIRE', taken, ttl * 2)
return { 'taken' }
