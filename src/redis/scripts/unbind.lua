-- unbind — remove one binding, whatever its CSeq.
-- KEYS     bindings expiry
-- ARGV     now account key
-- RETURNS  {now, {change, binding}}, the inner list empty if there was no such binding
-- INCLUDE  now bindings
local bindings, expiry = KEYS[1], KEYS[2]
local now, account, key = time_now(ARGV[1]), ARGV[2], ARGV[3]

local list = read_bindings(bindings, account)
local changes = {}
for i, binding in ipairs(list) do
  if binding.key == key then
    table.remove(list, i)
    changes = { binding.expiresAt > now and 'removed' or 'expired', cjson.encode(binding) }
    redis.call('ZREM', expiry, expiry_member(account, key))
    write_bindings(bindings, account, list)
    break
  end
end
return { now, changes }
