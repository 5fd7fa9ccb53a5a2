-- free-registering — the node does not register the accounts of a PBX any more: another may, at once.
-- KEYS     registering
-- ARGV     fence
-- RETURNS  {'freed'} | {'other'}
local registering = KEYS[1]
if redis.call('HGET', registering, 'fence') ~= ARGV[1] then return { 'other' } end
redis.call('HSET', registering, 'node', '', 'expires', 0)
return { 'freed' }
