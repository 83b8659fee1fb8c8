# Makes the facts' JSON of files under /proc, /sys and /etc, and of what
# setup.sh found with tools: sections on stdin, each after a line "@name".

function str(s,   out, i, c) {
  if (s !~ /[\\"[:cntrl:]]/) return "\"" s "\""
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "\\" || c == "\"") c = "\\" c
    else if (c == "\n") c = "\\n"
    else if (c == "\t") c = "\\t"
    else if (c ~ /[[:cntrl:]]/) c = sprintf("\\u%04x", code(c))
    out = out c
  }
  return "\"" out "\""
}
function code(c,   i) { for (i = 1; i < 32; i++) if (sprintf("%c", i) == c) return i; return 127 }
function pair(key, json) { return str(key) ":" json }
function join(list, item) { return list (list == "" ? "" : ",") item }

# Facts: by name and JSON; only those that a filter lets through.
function fact(name, json,   i) {
  if (filters && !(wanted(name))) return
  facts = join(facts, pair("ansible_" name, json))
}
function text(name, value) { fact(name, str(value)) }
function number(name, value) { fact(name, value == "" ? "0" : value + 0) }
function flag(name, value) { fact(name, value ? "true" : "false") }
function wanted(name,   i) {
  for (i = 1; i <= filters; i++)
    if (name ~ filter[i] || ("ansible_" name) ~ filter[i]) return 1
  return 0
}
# A shell pattern as a regular expression.
function glob(p,   out, i, c) {
  for (i = 1; i <= length(p); i++) {
    c = substr(p, i, 1)
    if (c == "*") c = ".*"
    else if (c == "?") c = "."
    else if (c ~ /[].+(){}^$|\\]/ && c != "]") c = "[" (c == "^" || c == "\\" ? "\\" c : c) "]"
    out = out c
  }
  return "^" out "$"
}

# The first line of a file, or the given word.
function line_of(path, otherwise,   l) {
  if ((getline l < (root path)) <= 0) l = otherwise
  close(root path)
  return l
}
function unquoted(s) {
  if (s ~ /^".*"$/ || s ~ /^\047.*\047$/) s = substr(s, 2, length(s) - 2)
  return s
}
function mb(kb) { return int(kb / 1024) }

function platform(   host, fqdn, l, n, w, i, bits) {
  host = line_of("/proc/sys/kernel/hostname", "localhost")
  fqdn = host
  # /etc/hosts only: a device without DNS must not wait for it.
  if (host !~ /\./)
    while ((getline l < (root "/etc/hosts")) > 0) {
      sub(/#.*/, "", l); n = split(l, w, /[ \t]+/)
      for (i = 2; i <= n; i++) if (index(w[i], host ".") == 1) fqdn = w[i]
    }
  text("nodename", host); l = host; sub(/\..*/, "", l); text("hostname", l)
  text("fqdn", fqdn); l = fqdn; if (!sub(/^[^.]*\./, "", l)) l = ""; text("domain", l)
  text("system", line_of("/proc/sys/kernel/ostype", "Linux"))
  text("kernel", line_of("/proc/sys/kernel/osrelease", ""))
  text("kernel_version", line_of("/proc/sys/kernel/version", ""))
  text("machine", machine)
  bits = elf == 1 ? "32" : (elf == 2 || machine ~ /64/ ? "64" : "32")
  l = machine
  if (l ~ /^i.86$/ || (l == "x86_64" && bits == "32")) l = "i386"
  text("architecture", machine ~ /^i.86$/ ? "i386" : machine)
  text("userspace_architecture", l); text("userspace_bits", bits)
  text("machine_id", line_of("/etc/machine-id", ""))
  l = line_of("/proc/sys/kernel/random/boot_id", "")
  if (!filters || wanted("fleetrun_boot_id")) facts = join(facts, pair("fleetrun_boot_id", str(l)))
}
function service(   l) {
  if (on["chroot"]) flag("is_chroot", chroot == "true")
  if (on["pkg_mgr"]) text("pkg_mgr", pkg_mgr)
  if (on["service_mgr"]) text("service_mgr", service_mgr)
  if (on["fips"]) flag("fips", line_of("/proc/sys/crypto/fips_enabled", 0) == 1)
  if (on["apparmor"]) fact("apparmor", "{" pair("status", str(apparmor == "" ? "disabled" : apparmor)) "}")
  if (on["caps"]) {
    text("system_capabilities_enforced", caps_enforced == "" ? "N/A" : caps_enforced)
    fact("system_capabilities", "[" caps "]")
  }
  if (on["selinux"]) selinux()
  if (on["lsb"]) lsb()
  if (on["systemd"] && systemd != "") fact("systemd", "{" systemd "}")
}
function selinux(   l, w, config) {
  l = line_of("/sys/fs/selinux/enforce", "")
  flag("selinux_python_present", 1)
  if (l == "") { fact("selinux", "{" pair("status", str("disabled")) "}"); return }
  while ((getline w < (root "/etc/selinux/config")) > 0)
    if (match(w, /^SELINUX(TYPE)?=/)) config[substr(w, 1, RLENGTH - 1)] = substr(w, RLENGTH + 1)
  fact("selinux", "{" pair("status", str("enabled")) "," pair("mode", str(l == 1 ? "enforcing" : "permissive")) "," \
    pair("policyvers", line_of("/sys/fs/selinux/policyvers", "0") + 0) "," \
    pair("config_mode", str(config["SELINUX"] == "" ? "unknown" : config["SELINUX"])) "," \
    pair("type", str(config["SELINUXTYPE"] == "" ? "unknown" : config["SELINUXTYPE"])) "}")
}
# What lsb_release would say. It is not run: Debian's is a sh script that
# executes /etc/os-release.
function lsb(   l, k, out, release, os) {
  while ((getline l < (root "/etc/lsb-release")) > 0) {
    k = l; sub(/=.*/, "", k); l = unquoted(substr(l, length(k) + 2))
    if (k == "DISTRIB_ID") lsb_of["id"] = l
    if (k == "DISTRIB_RELEASE") lsb_of["release"] = l
    if (k == "DISTRIB_DESCRIPTION") lsb_of["description"] = l
    if (k == "DISTRIB_CODENAME") lsb_of["codename"] = l
  }
  if (has_lsb && !("id" in lsb_of)) {
    close(root "/etc/os-release")
    while ((getline l < (root "/etc/os-release")) > 0) {
      k = l; sub(/=.*/, "", k); os[k] = unquoted(substr(l, length(k) + 2))
    }
    close(root "/etc/os-release")
    lsb_of["id"] = toupper(substr(os["ID"], 1, 1)) substr(os["ID"], 2)
    lsb_of["release"] = os["VERSION_ID"] == "" ? "n/a" : os["VERSION_ID"]
    lsb_of["description"] = os["PRETTY_NAME"] == "" ? "n/a" : os["PRETTY_NAME"]
    lsb_of["codename"] = os["VERSION_CODENAME"] == "" ? "n/a" : os["VERSION_CODENAME"]
  }
  if ("release" in lsb_of) { release = lsb_of["release"]; sub(/[.].*/, "", release); lsb_of["major_release"] = release }
  for (k in lsb_of) out = join(out, pair(k, str(lsb_of[k])))
  fact("lsb", "{" out "}")
}

function distribution(   l, k, v, os, id, name, family, version, release) {
  while ((getline l < (root "/etc/os-release")) > 0) {
    k = l; sub(/=.*/, "", k); v = substr(l, length(k) + 2); os[k] = unquoted(v)
  }
  id = os["ID"]; version = os["VERSION_ID"]; release = os["VERSION_CODENAME"]
  name = id in NAMES ? NAMES[id] : os["NAME"]
  if (id == "debian" || id == "raspbian") {
    l = line_of("/etc/debian_version", "")
    if (l ~ /^[0-9]/) version = l
  }
  if (id == "openwrt") release = os["OPENWRT_RELEASE"] == "" ? os["VERSION"] : os["OPENWRT_RELEASE"]
  if (release == "" && match(os["VERSION"], /\([^)]*\)/))
    release = substr(os["VERSION"], RSTART + 1, RLENGTH - 2)
  family = id in FAMILY ? FAMILY[id] : ""
  if (family == "") { split(os["ID_LIKE"], v_like, " "); family = v_like[1] in FAMILY ? FAMILY[v_like[1]] : name }
  text("distribution", name == "" ? "NA" : name); text("os_family", family == "" ? "NA" : family)
  text("distribution_version", version == "" ? "NA" : version)
  text("distribution_release", release == "" ? "NA" : release)
  l = version; sub(/\..*/, "", l); text("distribution_major_version", l == "" ? "NA" : l)
  if (split(version, v_like, ".") < 2 || v_like[2] == "") v_like[2] = "NA"
  text("distribution_minor_version", v_like[2])
  text("distribution_file_variety", family == "" ? "NA" : family); flag("distribution_file_parsed", 1)
  l = family == "Alpine" ? "/etc/alpine-release" : (family == "RedHat" ? "/etc/redhat-release" : "/etc/os-release")
  if (line_of(l, "") == "") l = "/etc/os-release"
  text("distribution_file_path", l)
}

function user(   l, w, st, uid, gid) {
  while ((getline l < "/proc/self/status") > 0) {
    split(l, w, /[ \t]+/)
    if (w[1] == "Uid:") { uid = w[3]; st = w[2] }
    if (w[1] == "Gid:") gid = w[3]
  }
  if (uid == "") { uid = me_uid; gid = me_gid; st = uid }
  number("effective_user_id", uid); number("real_user_id", st)
  number("effective_group_id", gid); number("real_group_id", gid)
  number("user_uid", uid)
  while ((getline l < (root "/etc/passwd")) > 0) {
    split(l, w, ":")
    if (w[3] == uid) {
      text("user_id", w[1]); number("user_gid", w[4]); text("user_gecos", w[5])
      text("user_dir", w[6]); text("user_shell", w[7])
      return
    }
  }
  text("user_id", ENVIRON["USER"] != "" ? ENVIRON["USER"] : uid); number("user_gid", gid)
  text("user_gecos", ""); text("user_dir", ENVIRON["HOME"]); text("user_shell", ENVIRON["SHELL"])
}

function environment(   k, out) {
  for (k in ENVIRON) {
    if (k == "LC_ALL" && own_locale != "given") continue
    out = join(out, pair(k, str(ENVIRON[k])))
  }
  fact("env", "{" out "}")
}

function date_time(   w, out, n, i, micro, here, there) {
  micro = date[13] ~ /^[0-9]+$/ ? substr(date[13], 1, 6) : "000000"
  # The zone that is further east is the one of summer.
  here = date[9]; there = later[2]
  sub(/[+]/, "", here); sub(/[+]/, "", there)
  n = split("year month day hour minute second epoch tz tz_offset weekday weekday_number weeknumber", w, " ")
  for (i = 1; i <= n; i++) out = join(out, pair(w[i], str(date[i])))
  out = join(out, pair("date", str(date[1] "-" date[2] "-" date[3])))
  out = join(out, pair("time", str(date[4] ":" date[5] ":" date[6])))
  out = join(out, pair("epoch_int", str(date[7])))
  out = join(out, pair("iso8601", str(utc "Z"))); out = join(out, pair("iso8601_micro", str(utc "." micro "Z")))
  out = join(out, pair("tz_dst", str(later[1] != "" && there + 0 > here + 0 ? later[1] : date[8])))
  out = join(out, pair("iso8601_basic", str(date[1] date[2] date[3] "T" date[4] date[5] date[6] micro)))
  i = date[1] date[2] date[3] "T" date[4] date[5] date[6]
  fact("date_time", "{" join(out, pair("iso8601_basic_short", str(i))) "}")
}

function dns(   l, w, n, i, ns, search, sort, options) {
  while ((getline l < (root "/etc/resolv.conf")) > 0) {
    n = split(l, w, /[ \t]+/)
    if (w[1] == "nameserver") ns = join(ns, str(w[2]))
    if (w[1] == "domain") sort = join(sort, pair("domain", str(w[2])))
    if (w[1] == "search") { search = ""; for (i = 2; i <= n; i++) if (w[i] != "") search = join(search, str(w[i])) }
    if (w[1] == "sortlist") for (i = 2; i <= n; i++) list_ = join(list_, str(w[i]))
    if (w[1] == "options") for (i = 2; i <= n; i++) {
      l = w[i]; sub(/:.*/, "", l)
      if (l != "") options = join(options, pair(l, index(w[i], ":") ? str(substr(w[i], length(l) + 2)) : "true"))
    }
  }
  l = sort
  if (ns != "") l = join(l, pair("nameservers", "[" ns "]"))
  if (search != "") l = join(l, pair("search", "[" search "]"))
  if (list_ != "") l = join(l, pair("sortlist", "[" list_ "]"))
  if (options != "") l = join(l, pair("options", "{" options "}"))
  fact("dns", "{" l "}")
}
function ssh_keys(   l, w, n, i, key) {
  n = split("dsa ecdsa ed25519 rsa", w, " ")
  for (i = 1; i <= n; i++) {
    l = line_of("/etc/ssh/ssh_host_" w[i] "_key.pub", "")
    if (l == "") continue
    split(l, key, " ")
    text("ssh_host_key_" w[i] "_public", key[2]); text("ssh_host_key_" w[i] "_public_keytype", key[1])
  }
}
# cmdline keeps the last of equal words, proc_cmdline all of them.
function cmdline(   w, n, i, k, v, out, all, order, names, last, many) {
  n = split(line_of("/proc/cmdline", ""), w, " ")
  for (i = 1; i <= n; i++) {
    k = w[i]; sub(/=.*/, "", k)
    v = index(w[i], "=") ? str(unquoted(substr(w[i], length(k) + 2))) : "true"
    if (!(k in last)) { order[++names] = k; many[k] = 0; all[k] = "" }
    last[k] = v; many[k]++; all[k] = join(all[k], v)
  }
  for (i = 1; i <= names; i++) out = join(out, pair(order[i], last[order[i]]))
  fact("cmdline", "{" out "}"); out = ""
  for (i = 1; i <= names; i++) out = join(out, pair(order[i], many[order[i]] > 1 ? "[" all[order[i]] "]" : last[order[i]]))
  fact("proc_cmdline", "{" out "}")
}
function load_average() {
  split(line_of("/proc/loadavg", "0 0 0"), v_load, " ")
  fact("loadavg", "{" pair("1m", v_load[1] + 0) "," pair("5m", v_load[2] + 0) "," pair("15m", v_load[3] + 0) "}")
}
function storage(   l) {
  if (on["iscsi"]) {
    while ((getline l < (root "/etc/iscsi/initiatorname.iscsi")) > 0) if (sub(/^InitiatorName=/, "", l)) iqn = l
    text("iscsi_iqn", iqn)
  }
  if (on["nvme"]) text("hostnqn", line_of("/etc/nvme/hostnqn", ""))
  if (on["fibre_channel_wwn"]) fact("fibre_channel_wwn", "[" fc "]")
}

function memory(   l, w, m, used) {
  while ((getline l < (root "/proc/meminfo")) > 0) { split(l, w, /[: ]+/); m[w[1]] = w[2] }
  number("memtotal_mb", mb(m["MemTotal"])); number("memfree_mb", mb(m["MemFree"]))
  number("swaptotal_mb", mb(m["SwapTotal"])); number("swapfree_mb", mb(m["SwapFree"]))
  if ("MemAvailable" in m) number("memavailable_mb", mb(m["MemAvailable"]))
  used = m["MemFree"] + m["Cached"] + m["Buffers"]
  fact("memory_mb", "{" pair("real", "{" pair("total", mb(m["MemTotal"])) "," \
    pair("free", mb(m["MemFree"])) "," pair("used", mb(m["MemTotal"] - m["MemFree"])) "}") "," \
    pair("nocache", "{" pair("free", mb(used)) "," pair("used", mb(m["MemTotal"] - used)) "}") "," \
    pair("swap", "{" pair("total", mb(m["SwapTotal"])) "," pair("free", mb(m["SwapFree"])) "," \
    pair("used", mb(m["SwapTotal"] - m["SwapFree"])) "," pair("cached", mb(m["SwapCached"])) "}") "}")
}

function processor(   l, k, v, n, i, j, f, flags, list, sockets, ids, cores, siblings, model) {
  cores = 1; siblings = 0
  while ((getline l < (root "/proc/cpuinfo")) > 0) {
    k = l; sub(/[ \t]*:.*/, "", k); v = l; sub(/^[^:]*:[ \t]*/, "", v)
    if (k == "processor") { n++; list = join(list, str(v)) }
    else if (k == "vendor_id" || k == "model name" || k == "Processor") list = join(list, str(v))
    else if (k == "physical id") { if (!(v in ids)) { ids[v] = 1; sockets++ } }
    else if (k == "cpu cores") cores = v
    else if (k == "siblings") siblings = v
    else if ((k == "flags" || k == "Features") && flags == "") {
      i = split(v, f, " ")
      for (j = 1; j <= i; j++) flags = join(flags, str(f[j]))
    }
    else if (k == "Serial") cpu_serial = v
    else if (k == "Model" || k == "machine") cpu_model = v
  }
  if (!n) n = 1
  if (!sockets) { sockets = n; cores = 1; siblings = 1 }
  k = int(siblings / cores); if (k < 1) k = 1
  fact("processor", "[" list "]"); fact("flags", "[" flags "]")
  number("processor_count", sockets); number("processor_cores", cores)
  number("processor_threads_per_core", k); number("processor_vcpus", sockets * cores * k)
  number("processor_nproc", n)
  split(line_of("/proc/uptime", "0"), v_up, " "); number("uptime_seconds", int(v_up[1]))
}

function dmi(name, file, otherwise,   l) {
  l = line_of("/sys/class/dmi/id/" file, "")
  sub(/[ \t]+$/, "", l)
  text(name, l == "" ? otherwise : l)
  return l
}
function board(   model, n, w, i) {
  model = tree_model == "" ? cpu_model : tree_model
  product = dmi("product_name", "product_name", model == "" ? "NA" : model)
  dmi("product_serial", "product_serial", tree_serial != "" ? tree_serial : (cpu_serial != "" ? cpu_serial : "NA"))
  dmi("product_version", "product_version", "NA"); dmi("product_uuid", "product_uuid", "NA")
  vendor = dmi("system_vendor", "sys_vendor", "NA")
  dmi("bios_vendor", "bios_vendor", "NA"); dmi("bios_version", "bios_version", "NA")
  dmi("bios_date", "bios_date", "NA"); dmi("board_name", "board_name", "NA")
  n = split("board_vendor board_serial board_version board_asset_tag chassis_vendor chassis_serial " \
    "chassis_version chassis_asset_tag", w, " ")
  for (i = 1; i <= n; i++) dmi(w[i], w[i], "NA")
  # The numbers of SMBIOS.
  n = split("Other,Unknown,Desktop,Low Profile Desktop,Pizza Box,Mini Tower,Tower,Portable,Laptop,Notebook," \
    "Hand Held,Docking Station,All In One,Sub Notebook,Space-saving,Lunch Box,Main Server Chassis," \
    "Expansion Chassis,Sub Chassis,Bus Expansion Chassis,Peripheral Chassis,RAID Chassis,Rack Mount Chassis," \
    "Sealed-case PC,Multi-system,CompactPCI,AdvancedTCA,Blade,Blade Enclosure,Tablet,Convertible,Detachable," \
    "IoT Gateway,Embedded PC,Mini PC,Stick PC", w, ",")
  i = line_of("/sys/class/dmi/id/chassis_type", "") + 0
  text("form_factor", i >= 1 && i <= n ? w[i] : "NA")
  if (tree_model != "") text("device_tree_model", tree_model)
}

# \040 and its like, as the kernel writes spaces in mount points.
function unescaped(s,   out) {
  while (match(s, /\\[0-7][0-7][0-7]/)) {
    out = out substr(s, 1, RSTART - 1) sprintf("%c", substr(s, RSTART + 1, 1) * 64 + \
      substr(s, RSTART + 2, 1) * 8 + substr(s, RSTART + 3, 1))
    s = substr(s, RSTART + 4)
  }
  return out s
}
function mounts(   l, w, out, one, f, d, bound) {
  # The fourth field is what is mounted of the filesystem: all of it is "/".
  while ((getline l < (root "/proc/self/mountinfo")) > 0) { split(l, w, " "); bound[unescaped(w[5])] = w[4] != "/" }
  while ((getline l < (root "/proc/mounts")) > 0) {
    split(l, w, " ")
    if ((w[1] !~ /^\// && w[1] !~ /:\//) || w[3] == "none") continue
    w[2] = unescaped(w[2])
    one = pair("device", str(unescaped(w[1]))) "," pair("mount", str(w[2])) "," \
      pair("fstype", str(w[3])) "," pair("options", str(w[4] (bound[w[2]] ? ",bind" : ""))) "," pair("dump", w[5] + 0) "," \
      pair("passno", w[6] + 0)
    d = w[1]; sub(/.*\//, "", d)
    one = one "," pair("uuid", str(d in uuid_of ? uuid_of[d] : "N/A"))
    if (w[2] in statfs) {
      split(statfs[w[2]], f, " ")
      one = one "," pair("block_size", f[1]) "," pair("block_total", f[3]) "," pair("block_available", f[4]) "," \
        pair("block_used", sprintf("%.0f", f[3] - f[4])) "," pair("inode_total", f[6]) "," \
        pair("inode_available", f[7]) "," pair("inode_used", sprintf("%.0f", f[6] - f[7])) "," \
        pair("size_total", sprintf("%.0f", f[2] * f[3])) "," pair("size_available", sprintf("%.0f", f[2] * f[4]))
    } else if (w[2] in df_total)
      one = one "," pair("size_total", df_total[w[2]] "") "," pair("size_available", df_free[w[2]] "")
    out = join(out, "{" one "}")
  }
  fact("mounts", "[" out "]")
}

function bytes(kb) { return kb == "0" ? "0" : sprintf("%.0f", kb * 1024) }

# No powers: busybox may be built without them.
function netmask(prefix,   i, out, n, rest) {
  for (i = 0; i < 4; i++) {
    n = prefix >= 8 ? 8 : (prefix > 0 ? prefix : 0); prefix -= n
    for (rest = 256; n > 0; n--) rest /= 2
    out = out (i ? "." : "") (256 - rest)
  }
  return out
}
function network_of(address, prefix,   a, m, i, out, block) {
  split(address, a, "."); split(netmask(prefix), m, ".")
  for (i = 1; i <= 4; i++) { block = 256 - m[i]; out = out (i > 1 ? "." : "") (a[i] - a[i] % block) }
  return out
}
# One address as setup.sh says it: interface, family, address/prefix, broadcast, scope.
function address(name, family, cidr, broadcast, scope,   a, one) {
  split(cidr, a, "/")
  if (family == "inet") {
    one = pair("address", str(a[1])) "," pair("broadcast", str(broadcast)) "," \
      pair("netmask", str(netmask(a[2]))) "," pair("network", str(network_of(a[1], a[2]))) "," \
      pair("prefix", str(a[2]))
    if (v4[name] == "") { v4[name] = one; v4_address[name] = a[1] }
    else v4_more[name] = join(v4_more[name], "{" one "}")
    if (a[1] !~ /^127\./) all4 = join(all4, str(a[1]))
  } else {
    one = pair("address", str(a[1])) "," pair("prefix", str(a[2])) "," pair("scope", str(scope))
    v6[name] = join(v6[name], "{" one "}")
    if (v6_address[name] == "" && scope == "global") {
      v6_address[name] = a[1]; v6_prefix[name] = a[2]
    }
    if (a[1] != "::1") all6 = join(all6, str(a[1]))
  }
}
function interfaces(   i, n, name, out, f, list, mac, type, key, up) {
  for (i = 1; i <= ifs; i++) {
    split(if_name[i], f, "|"); name = f[1]
    n = f[4]; type = n == 1 ? "ether" : (n == 772 ? "loopback" : (n == 65534 ? "tunnel" : "unknown"))
    if (f[8] != "") type = f[8]
    mac = f[2]
    if_mtu[name] = f[3]; if_mac[name] = mac; if_type[name] = type
    up = f[5]
    list = join(list, str(name))
    out = pair("device", str(name)) "," pair("active", up == "up" || (up == "unknown" && v4[name] v6[name] != "") ? "true" : "false") "," \
      pair("mtu", if_mtu[name] + 0) "," pair("type", str(type))
    if (mac != "" && n != 772) out = out "," pair("macaddress", str(mac))
    if (f[6] ~ /^-?[0-9]+$/) out = out "," pair("speed", f[6] + 0)
    # IFF_PROMISC is the bit 0x100.
    if (f[7] != "") out = out "," pair("promisc", length(f[7]) > 4 && index("13579bdf", substr(f[7], length(f[7]) - 2, 1)) ? "true" : "false")
    if (f[8] == "bridge") out = out bridge_of(name, f[9])
    if (f[8] == "bonding") out = out bond_of(name, f[9])
    if (f[10] != "" && f[10] != "net") out = out "," pair("pciid", str(f[10]))
    if (f[11] != "") out = out "," pair("module", str(f[11]))
    if (v4[name] != "") out = out "," pair("ipv4", "{" v4[name] "}")
    if (v4_more[name] != "") out = out "," pair("ipv4_secondaries", "[" v4_more[name] "]")
    if (v6[name] != "") out = out "," pair("ipv6", "[" v6[name] "]")
    key = name; gsub(/[-:]/, "_", key)
    fact(key, "{" out "}")
  }
  fact("interfaces", "[" list "]")
  if (ifs && has_here)
    fact("locally_reachable_ips", "{" pair("ipv4", here(here4)) "," pair("ipv6", here(here6)) "}")
  fact("all_ipv4_addresses", "[" all4 "]"); fact("all_ipv6_addresses", "[" all6 "]")
  default_route("default_ipv4", gw4, dev4, v4[dev4])
  name = v6_address[dev6] == "" ? "" : pair("address", str(v6_address[dev6])) "," \
    pair("prefix", str(v6_prefix[dev6])) "," pair("scope", str("global"))
  default_route("default_ipv6", gw6, dev6, name)
}
function members(text_,   n, w, i, out) {
  n = split(text_, w, " ")
  for (i = 1; i <= n; i++) out = join(out, str(w[i]))
  return "[" out "]"
}
function bridge_of(name, ports,   dir) {
  dir = "/sys/class/net/" name "/bridge/"
  return "," pair("interfaces", members(ports)) "," pair("id", str(line_of(dir "bridge_id", ""))) "," \
    pair("stp", line_of(dir "stp_state", "0") == 1 ? "true" : "false")
}
function bond_of(name, slaves,   dir, w) {
  dir = "/sys/class/net/" name "/bonding/"
  split(line_of(dir "mode", ""), w, " ")
  return "," pair("slaves", members(slaves)) "," pair("mode", str(w[1])) "," \
    pair("miimon", str(line_of(dir "miimon", ""))) "," \
    pair("primary", str(line_of(dir "primary", "")))
}
function here(list,   n, w, i, out) {
  n = split(list, w, "\n")
  for (i = 1; i < n; i++) out = join(out, str(w[i]))
  return "[" out "]"
}
function default_route(name, gateway, dev, address_json,   out) {
  if (dev == "") { fact(name, "{}"); return }
  out = pair("interface", str(dev)) "," (name == "default_ipv4" ? pair("alias", str(dev)) "," : "") pair("gateway", str(gateway)) "," \
    pair("mtu", if_mtu[dev] + 0) "," pair("type", str(if_type[dev])) "," pair("macaddress", str(if_mac[dev]))
  fact(name, "{" out (address_json == "" ? "" : "," address_json) "}")
}
# "default via 192.0.2.1 dev eth0 … metric 100": the lowest metric counts.
function route(family, line,   w, n, i, gateway, dev, metric) {
  n = split(line, w, " "); metric = family == 4 ? 0 : 1024
  for (i = 1; i < n; i++) {
    if (w[i] == "via") gateway = w[i + 1]
    if (w[i] == "dev") dev = w[i + 1]
    if (w[i] == "metric") metric = w[i + 1]
  }
  if ((family in best) && best[family] + 0 <= metric + 0) return
  best[family] = metric
  if (family == 4) { gw4 = gateway; dev4 = dev } else { gw6 = gateway; dev6 = dev }
}
# The kernel writes addresses of /proc/net/route in its own byte order.
function hex_address(h,   i, out, d) {
  for (i = 7; i > 0; i -= 2) {
    d = (index("0123456789ABCDEF", substr(h, i, 1)) - 1) * 16 + index("0123456789ABCDEF", substr(h, i + 1, 1)) - 1
    out = out (i < 7 ? "." : "") d
  }
  return out
}
function routes_of_proc(   l, w) {
  while ((getline l < (root "/proc/net/route")) > 0) {
    split(l, w, /[ \t]+/)
    if (w[2] == "00000000" && w[3] != "00000000")
      route(4, "default via " hex_address(w[3]) " dev " w[1] " metric " w[7])
  }
}
# ifconfig, where there is no ip: blocks that start with the interface.
function ifconfig_line(l,   w, n, i, mask, bcast, a, p) {
  if (l ~ /^[^ \t]/) { current = l; sub(/[ :].*/, "", current) }
  if (l !~ /inet /) return
  n = split(l, w, /[ \t]+/)
  for (i = 1; i <= n; i++) {
    sub(/^(addr|Bcast|Mask):/, "", w[i])
    if (w[i] == "inet") a = w[i + 1]
    if (w[i] == "netmask") mask = w[i + 1]
    if (w[i] == "broadcast") bcast = w[i + 1]
  }
  sub(/^addr:/, "", a)
  if (mask == "" && match(l, /Mask:[0-9.]+/)) mask = substr(l, RSTART + 5, RLENGTH - 5)
  if (bcast == "" && match(l, /Bcast:[0-9.]+/)) bcast = substr(l, RSTART + 6, RLENGTH - 6)
  n = split(mask, w, ".")
  for (i = 1; i <= n; i++) while (w[i] > 0) { p++; w[i] = (w[i] * 2) % 256 }
  if (a != "") address(current, "inet", a "/" (p + 0), bcast, "")
}

function virtual(   type, l, role, guest) {
  if (container != "") { guest = str(container) "," str("container"); type = container }
  else if (product ~ /OpenStack/) type = "openstack"
  else if (product ~ /KVM/ || vendor ~ /QEMU|Amazon EC2|Google|DigitalOcean|Scaleway/ || product ~ /Standard PC/) type = "kvm"
  else if (vendor ~ /VMware/) type = "VMware"
  else if (product ~ /VirtualBox/) type = "virtualbox"
  else if (vendor ~ /Microsoft/ && product ~ /Virtual/) type = "VirtualPC"
  else if (vendor ~ /Parallels/) type = "parallels"
  else if (line_of("/sys/hypervisor/type", "") == "xen") type = "xen"
  else if (line_of("/proc/user_beancounters", "") != "" && line_of("/proc/bc/0/resources", "") == "") type = "openvz"
  else {
    while ((getline l < (root "/proc/cpuinfo")) > 0)
      if (l ~ /^flags/ && l ~ / hypervisor( |$)/) { type = "kvm"; break }
    close(root "/proc/cpuinfo")
  }
  role = type == "" ? "NA" : "guest"
  if (guest == "" && type != "") guest = str(type)
  if (type == "" && kvm != "") { type = "kvm"; role = "host" }
  text("virtualization_type", type == "" ? "NA" : type); text("virtualization_role", role)
  fact("virtualization_tech_guest", "[" guest "]")
  fact("virtualization_tech_host", "[" (kvm != "" ? str("kvm") : "") "]")
}

BEGIN {
  n = split("debian Debian raspbian Debian ubuntu Ubuntu alpine Alpine fedora Fedora centos CentOS rhel RedHat " \
    "rocky Rocky almalinux AlmaLinux ol OracleLinux amzn Amazon arch Archlinux openwrt OpenWrt " \
    "gentoo Gentoo kali Kali devuan Devuan", w, " ")
  for (i = 1; i < n; i += 2) NAMES[w[i]] = w[i + 1]
  NAMES["linuxmint"] = "Linux Mint"; NAMES["opensuse-leap"] = "openSUSE Leap"
  NAMES["opensuse-tumbleweed"] = "openSUSE Tumbleweed"; NAMES["sles"] = "SLES"
  n = split("debian Debian raspbian Debian ubuntu Debian linuxmint Debian kali Debian devuan Debian " \
    "fedora RedHat centos RedHat rhel RedHat rocky RedHat almalinux RedHat ol RedHat amzn RedHat " \
    "alpine Alpine arch Archlinux gentoo Gentoo suse Suse opensuse Suse opensuse-leap Suse " \
    "opensuse-tumbleweed Suse sles Suse openwrt OpenWrt", w, " ")
  for (i = 1; i < n; i += 2) FAMILY[w[i]] = w[i + 1]
}
/^@/ { section = $1; local_line = 0; if (section == "@lsb") has_lsb = 1; next }
section == "@root" { root = $0 }
section == "@subset" && /^\[/ { subset_json = $0; next }
section == "@subset" { for (i = 1; i <= NF; i++) on[$i] = 1 }
section == "@filter" { filter[++filters] = glob($0) }
section == "@machine" { machine = $0 }
section == "@elf" { elf = $1 }
section == "@chroot" { chroot = $0 }
section == "@pkg_mgr" { pkg_mgr = $0 }
section == "@service_mgr" { service_mgr = $0 }
section == "@container" { container = $0 }
section == "@locale" { own_locale = $0 }
section == "@date" { if (++dates == 1) split($0, date, "|"); else split($0, later, "|") }
section == "@apparmor" { apparmor = $0 }
section == "@fc" { sub(/^0x/, ""); fc = join(fc, str($0)) }
section == "@kvm" { kvm = $0 }
section == "@systemd" && $1 == "systemd" && systemd == "" { systemd = pair("version", $2 + 0) }
section == "@systemd" && /^[-+]/ { systemd = systemd "," pair("features", str($0)) }
section == "@caps" && /^Current:/ {
  l = $0; sub(/^Current:[ \t]*/, "", l)
  caps_enforced = l == "=ep" ? "False" : "True"
  if (caps_enforced == "True") {
    sub(/^[^=]*=/, "", l); n = split(l, w, ",")
    for (i = 1; i <= n; i++) { gsub(/^[ \t]+|[ \t]+$/, "", w[i]); caps = join(caps, str(w[i])) }
  }
}
section == "@statfs" && NF >= 8 {
  mount = $0; sub(/^([^ ]+ ){7}/, "", mount)
  if (mount == $0) { mount = $8; for (i = 9; i <= NF; i++) mount = mount " " $i }
  statfs[mount] = $1 " " $2 " " $3 " " $4 " " $5 " " $6 " " $7
}
section ~ /^@here/ && $1 == "local" {
  has_here = 1
  if (section == "@here4") here4 = here4 $2 "\n"; else here6 = here6 $2 "\n"
}
section == "@utc" { utc = $0 }
section == "@model" { tree_model = $0 }
section == "@serial" { tree_serial = $0 }
section == "@df" && $1 != "Filesystem" && NF >= 6 {
  mount = $0; sub(/^([^ ]+ +){5}/, "", mount)
  if (mount == $0) { mount = $6; for (i = 7; i <= NF; i++) mount = mount " " $i }
  df_total[mount] = bytes($2); df_free[mount] = bytes($4)
}
section == "@if" { if_name[++ifs] = $0 }
section == "@addr" {
  family = $3; bcast = ""; scope = ""
  for (i = 5; i < NF; i++) {
    if ($i == "brd") bcast = $(i + 1)
    if ($i == "scope") scope = $(i + 1)
  }
  name = $2; sub(/[:@].*/, "", name)
  if (family == "inet" || family == "inet6") address(name, family, $4 ($4 ~ /\// ? "" : (family == "inet" ? "/32" : "/128")), bcast, scope)
}
section == "@ifconfig" { ifconfig_line($0) }
section == "@route4" { route(4, $0) }
section == "@route6" { route(6, $0) }
END {
  if (!filters || wanted("gather_subset")) facts = join(facts, pair("gather_subset", subset_json))
  if (!filters || wanted("module_setup")) facts = join(facts, pair("module_setup", "true"))
  if (on["platform"]) platform()
  if (on["distribution"]) distribution()
  if (on["user"]) user()
  if (on["env"]) environment()
  if (on["date_time"]) date_time()
  if (on["dns"]) dns()
  if (on["ssh_pub_keys"]) ssh_keys()
  if (on["cmdline"]) cmdline()
  if (on["local"]) local_facts()
  if (on["loadavg"]) load_average()
  service(); storage()
  if (on["hardware"]) { memory(); processor(); board(); disks_(); mounts() }
  if (on["network"]) { if (dev4 == "") routes_of_proc(); interfaces() }
  if (on["virtual"]) {
    if (!on["hardware"]) { product = line_of("/sys/class/dmi/id/product_name", ""); vendor = line_of("/sys/class/dmi/id/sys_vendor", "") }
    virtual()
  }
  print "{" facts "}"
}
