-- take-line — takes one line of a trunk, if one is left. Lines of nodes that have died come back when their time is over.
-- KEYS     lines
-- ARGV     now limit line ttlMs
-- RETURNS  {'taken'} | {'none'}
-- INCLUDE  now
local lines = KEYS[1]
local now, limit, line, ttl = time_now(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', lines, '-inf', now)
if redis.call('ZCARD', lines) >= limit then return { 'none' } end
redis.call('ZADD', lines, now + ttl, line)
redis.call('PEXPIRE', lines, ttl * 2)
return { 'taken' }
