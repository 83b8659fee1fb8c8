# Disks, their parts and their links.

# 12345 as "12.06 KB".
function human(n,   units, w, i) {
  split("Bytes KB MB GB TB PB EB ZB YB", w, " ")
  for (i = 1; i < 9 && n >= 1024; i++) n /= 1024
  return sprintf("%.2f %s", n, w[i])
}
# The file's first line without blanks at its ends, else what is given.
function attribute(path, otherwise,   l) {
  l = line_of(path, "")
  sub(/^[ \t]+/, "", l); sub(/[ \t]+$/, "", l)
  return l == "" ? otherwise : str(l)
}
function links_of(disk,   n, w, i, out) {
  n = split("ids labels masters uuids", w, " ")
  for (i = 1; i <= n; i++) out = join(out, pair(w[i], "[" links[w[i], disk] "]"))
  return "{" out "}"
}
function sizes(dir,   sectors, size) {
  size = line_of(dir "/queue/logical_block_size", "")
  if (size == "") size = line_of(dir "/queue/hw_sector_size", "")
  sectors = line_of(dir "/size", "0") * 512 / (size == "" ? 512 : size)
  return pair("sectors", sprintf("%.0f", sectors)) "," \
    pair("sectorsize", size == "" ? "512" : str(size)) "," \
    pair("size", str(human(sectors * (size == "" ? 512 : size))))
}
function part(disk, name,   dir) {
  dir = "/sys/block/" disk "/" name
  return pair(name, "{" pair("links", links_of(name)) "," pair("holders", "[" links["holders", name] "]") "," \
    pair("start", str(line_of(dir "/start", "0"))) "," \
    pair("uuid", name in uuid_of ? str(uuid_of[name]) : "null") "," sizes(dir) "}")
}
function disk(body,   n, w, i, dir, parts, l) {
  n = split(body, w, " "); dir = "/sys/block/" w[1]
  for (i = 2; i <= n; i++) parts = join(parts, part(w[1], w[i]))
  l = line_of(dir "/queue/scheduler", "")
  l = match(l, /[[][^]]*]/) ? substr(l, RSTART + 1, RLENGTH - 2) : ""
  return pair(w[1], "{" pair("virtual", 1) "," pair("links", links_of(w[1])) "," \
    pair("vendor", attribute(dir "/device/vendor", "null")) "," \
    pair("model", attribute(dir "/device/model", "null")) "," \
    pair("sas_address", attribute(dir "/device/sas_address", "null")) "," \
    pair("sas_device_handle", attribute(dir "/device/sas_device_handle", "null")) "," \
    pair("removable", attribute(dir "/removable", "null")) "," \
    pair("support_discard", attribute(dir "/queue/discard_granularity", "null")) "," \
    (w[1] in wwn_of ? pair("wwn", str(wwn_of[w[1]])) "," : "") \
    pair("partitions", "{" parts "}") "," pair("rotational", attribute(dir "/queue/rotational", "null")) "," \
    pair("scheduler_mode", str(l)) "," sizes(dir) "," pair("host", str("")) "," \
    pair("holders", "[" links["holders", w[1]] "]") "}")
}
function disks_(   i, k, j, n, w, out, one) {
  for (i = 1; i <= disks; i++) out = join(out, disk(disk_line[i]))
  fact("devices", "{" out "}")
  n = split("ids labels masters uuids", w, " "); out = ""
  for (i = 1; i <= n; i++) {
    one = ""
    for (j = 1; j <= linked; j++)
      if (links[w[i], linked_name[j]] != "") one = join(one, pair(linked_name[j], "[" links[w[i], linked_name[j]] "]"))
    out = join(out, pair(w[i], "{" one "}"))
  }
  fact("device_links", "{" out "}")
  if (has_lvm)
    fact("lvm", "{" pair("lvs", "{" lvs "}") "," pair("vgs", "{" vgs "}") "," pair("pvs", "{" pvs "}") "}")
  else text("lvm", "N/A")
}

section ~ /^@[vlp][gv]s$/ {
  has_lvm = 1; gsub(/^[ \t]+|[ \t]+$/, ""); split($0, w, ",")
  if (section == "@vgs")
    vgs = join(vgs, pair(w[1], "{" pair("size_g", str(w[4])) "," pair("free_g", str(w[5])) "," \
      pair("num_lvs", str(w[3])) "," pair("num_pvs", str(w[2])) "}"))
  if (section == "@lvs") lvs = join(lvs, pair(w[1], "{" pair("size_g", str(w[3])) "," pair("vg", str(w[2])) "}"))
  if (section == "@pvs")
    pvs = join(pvs, pair(w[1], "{" pair("size_g", str(w[3])) "," pair("free_g", str(w[4])) "," pair("vg", str(w[2])) "}"))
}
section == "@disk" { disk_line[++disks] = $0 }
section == "@link" {
  links[$1, $3] = join(links[$1, $3], str($2))
  if (!($3 in is_linked)) { is_linked[$3] = 1; linked_name[++linked] = $3 }
  if ($1 == "uuids") uuid_of[$3] = $2
  if ($1 == "ids" && $2 ~ /^wwn-/) wwn_of[$3] = substr($2, 5)
}
