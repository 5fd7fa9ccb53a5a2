-- share-secret — the secret that the first node chose; all others, and this node after a restart, get the same.
-- KEYS     secret
-- ARGV     candidate
-- RETURNS  secret
local secret = KEYS[1]
redis.call('SET', secret, ARGV[1], 'NX')
return redis.call('GET', secret)
