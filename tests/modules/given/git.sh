# A repository "origin" with two commits, tag v1 on the first, and a branch "side".
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
if [ ! -e "$SHELF/git" ]; then
  (
    git init -q -b main "$SHELF/git.new"
    cd "$SHELF/git.new"
    echo 1 >f; git add f; git commit -qm one; git tag -am first v1
    git checkout -qb side; echo side >g; git add g; git commit -qm side
    git checkout -q main; echo 2 >f; git commit -qam two
  )
  mv "$SHELF/git.new" "$SHELF/git"
fi
cp -a "$SHELF/git" origin
mkdir -p bin
printf '#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin GIT_CONFIG_GLOBAL=/dev/null exec git "$@"\n' >bin/git
chmod +x bin/git
