-- hold-registering — makes a node the one that registers the accounts of a PBX, or lets it stay that: nobody else until its time is over.
-- KEYS     registering
-- ARGV     now node ttlMs
-- RETURNS  {'held', fence} | {'other', node}
-- INCLUDE  now
local registering = KEYS[1]
local now, node, ttl = time_now(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local holder, fence, expires = unpack(redis.call('HMGET', registering, 'node', 'fence', 'expires'))
fence = tonumber(fence or 0)
if holder and holder ~= node and tonumber(expires) > now then return { 'other', holder } end
-- Grows also when Redis has lost what it knew.
if holder ~= node then fence = math.max(now, fence + 1) end
redis.call('HSET', registering, 'node', node, 'fence', fence, 'expires', now + ttl)
return { 'held', fence }
