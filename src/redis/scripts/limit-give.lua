-- limit-give — what was taken is free again.
-- KEYS     taken
-- ARGV     one
-- RETURNS  {'given'}
redis.call('ZREM', KEYS[1], ARGV[1])
return { 'given' }
