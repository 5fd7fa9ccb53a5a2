-- use-nonce — uses a nonce with a count, unless this count or a higher one was there before.
-- KEYS     nonce
-- ARGV     count ttlMs
-- RETURNS  {'used'} | {'before'}
local count, ttl = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = tonumber(redis.call('GET', KEYS[1]) or '-1')
if count <= last then return { 'before' } end
redis.call('SET', KEYS[1], count, 'PX', ttl)
return { 'used' }
