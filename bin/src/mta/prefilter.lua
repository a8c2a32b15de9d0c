-- For /etc/rspamd/rspamd.local.lua: what Postroom's lists say of a message goes before what rspamd thinks of it.
local http = require "rspamd_http"
local ucl = require "ucl"

local function escaped(text)
  return (tostring(text):gsub('[^%w%-._~]', function(c) return string.format('%%%02X', c:byte()) end))
end

local function ask_postroom(task)
  local recipients = task:get_recipients('smtp') or {}
  -- Who is logged in is not on anybody's list, and too many recipients have no room in a request.
  if task:get_user() or #recipients == 0 or #recipients > 50 then return end
  local query, ip = {}, task:get_from_ip()
  for _, to in ipairs(recipients) do query[#query + 1] = 'recipient=' .. escaped(to.addr) end
  for name, kind in pairs({ sender = 'smtp', from = 'mime' }) do
    local found = task:get_from(kind)
    if found and found[1] and found[1].addr then query[#query + 1] = name .. '=' .. escaped(found[1].addr) end
  end
  if ip and ip:is_valid() then query[#query + 1] = 'ip=' .. escaped(ip) end
  http.request({
    task = task, url = 'POSTROOM_URL/rspamd/verdict?' .. table.concat(query, '&'), timeout = 2.0,
    callback = function(err, code, body)
      local parser = ucl.parser()
      if err or code ~= 200 or not parser:parse_string(body) then return end
      local outcome = parser:get_object().outcome
      if outcome == 'safe' then task:set_pre_result('no action', 'the recipient\'s safelist', 'postroom') end
      if outcome == 'blocked' then task:set_pre_result('reject', 'blocked by the recipient\'s list', 'postroom') end
    end,
  })
end

rspamd_config:register_symbol({ name = 'POSTROOM_LISTS', type = 'prefilter', priority = 10, callback = ask_postroom })
