-- give-line — a line of a trunk is free again.
-- KEYS     lines
-- ARGV     line
-- RETURNS  {'given'}
redis.call('ZREM', KEYS[1], ARGV[1])
return { 'given' }
