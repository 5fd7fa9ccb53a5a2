-- An event's id is `<epoch>-<number>`; its number is one more than that of the event before, so that a gap would be seen. With the tag that its
-- publisher gave it, it makes a cursor: an event that was lost and another that took its number are told apart. A new epoch begins
-- whenever something may have been lost.
local function cursor_of(entry) return entry[1] .. '-' .. entry[2][2] end

local function newest_of(events) return redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1] end

local function parts_of(id)
  local epoch, number = id:match('^(%d+)%-(%d+)$')
  return tonumber(epoch), tonumber(number)
end

-- 'there'; 'trimmed': older than all that is kept; 'lost': Redis has forgotten it, or never knew it.
local function place_of(events, cursor)
  local id, tag = cursor:match('^(%d+%-%d+)%-(.+)$')
  if not id then return 'lost' end
  local entry = redis.call('XRANGE', events, id, id)[1]
  if entry then return entry[2][2] == tag and 'there' or 'lost' end
  local is_before_all = #redis.call('XRANGE', events, '-', id, 'COUNT', 1) == 0
  return is_before_all and newest_of(events) and 'trimmed' or 'lost'
end
