-- nonce-key — the key that all nodes make their nonces with: the first that was proposed.
-- KEYS     key
-- ARGV     proposed
-- RETURNS  {'key', key}
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return { 'key', redis.call('GET', KEYS[1]) }
