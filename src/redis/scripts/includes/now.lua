-- Milliseconds since 1970: what the caller's clock says (tests), or the server's own time, the same for all nodes.
local function time_now(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
