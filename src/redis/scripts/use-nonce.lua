-- use-nonce — accept a nonce count that is higher than any before with this nonce (RFC 7616 §3.3).
-- KEYS     nonce
-- ARGV     count ttlMs
-- RETURNS  {'fresh'} | {'replayed', highest}
local nonce = KEYS[1]
local count = tonumber(ARGV[1])
local highest = tonumber(redis.call('GET', nonce) or 0)
if count <= highest then return { 'replayed', highest } end
redis.call('SET', nonce, ARGV[1], 'PX', ARGV[2])
return { 'fresh' }
