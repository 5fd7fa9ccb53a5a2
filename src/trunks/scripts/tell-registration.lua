-- tell-registration — what has become of an account of a PBX, for the other nodes; only from the node that registers it. Nothing: it has none any more.
-- KEYS     registering registrations
-- ARGV     fence trunk status keepMs
-- RETURNS  {'told'} | {'other'}
local registering, registrations = KEYS[1], KEYS[2]
local fence, trunk, status, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', registering, 'fence') ~= fence then return { 'other' } end
if status == '' then
  redis.call('HDEL', registrations, trunk)
else
  redis.call('HSET', registrations, trunk, status)
  redis.call('PEXPIRE', registrations, keep)
end
return { 'told' }
