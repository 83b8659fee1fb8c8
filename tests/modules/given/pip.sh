# A virtual environment "venv" in the current folder, over a folder of small wheels.
if [ ! -e "$SHELF/wheels" ]; then
  mkdir -p "$SHELF/wheels.new"
  python3 - "$SHELF/wheels.new" <<'EOT'
import sys, zipfile
for name, version in (("tool", "1.0"), ("tool", "1.2"), ("tool", "2.0"), ("other_thing", "1.0")):
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as wheel:
        info = f"{name}-{version}.dist-info"
        wheel.writestr(f"{name}.py", f"version = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
EOT
  # One pip serves all cases: to make one costs seconds.
  python3 -m venv "$SHELF/pip"
  mv "$SHELF/wheels.new" "$SHELF/wheels"
fi
python3 -m venv --without-pip venv
cat >venv/bin/pip3 <<EOT
#!/bin/sh
export PYTHONDONTWRITEBYTECODE=1 PIP_NO_INDEX=1 PIP_FIND_LINKS="$SHELF/wheels"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
for folder in "$SHELF"/pip/lib/python3*/site-packages; do export PYTHONPATH="\$folder"; done
exec "$PWD/venv/bin/python3" -m pip "\$@"
EOT
chmod +x venv/bin/pip3
for name in ${INSTALLED-}; do venv/bin/pip3 install -q "$name"; done
