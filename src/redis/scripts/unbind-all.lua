-- unbind-all — remove every binding of an account, as "Contact: *" asks (RFC 3261 §10.2.2), or none if one is newer than the request.
-- KEYS     bindings expiry
-- ARGV     now account callId cseq
-- RETURNS  {'bound', now, {}, {change, binding…}} | {'out-of-order'}
-- INCLUDE  now bindings
local bindings, expiry = KEYS[1], KEYS[2]
local now, account, call_id, cseq = time_now(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])

local list = read_bindings(bindings, account)
local changes = {}
for _, binding in ipairs(list) do
  local is_live = binding.expiresAt > now
  if is_live and is_out_of_order(binding, call_id, cseq) then return { 'out-of-order' } end
  table.insert(changes, is_live and 'removed' or 'expired')
  table.insert(changes, cjson.encode(binding))
end
for _, binding in ipairs(list) do
  redis.call('ZREM', expiry, expiry_member(account, binding.key))
end
write_bindings(bindings, account, {})
return { 'bound', now, {}, changes }
