-- list-registrations — what the node that registers the accounts of a PBX has told of them.
-- KEYS     registrations
-- ARGV
-- RETURNS  {trunk, status, …}
return redis.call('HGETALL', KEYS[1])
