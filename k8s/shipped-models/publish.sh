#!/bin/sh
# Publishes the shipped versions that the repository lacks: publish.sh SHIPPED REPOSITORY
#
# A version is copied beside its place, under a name that is no integer and which servers therefore
# ignore, and then renamed: whoever polls the folder sees the whole version or none of it.
set -eu

shipped=$1
repository=$2
for version in "$shipped"/*/[0-9]*; do
  name=${version#"$shipped"/}
  if [ -e "$repository/$name" ]; then
    echo "$name is there already"
    continue
  fi
  mkdir -p "$repository/${name%/*}"
  draft="$repository/${name%/*}/tmp-shipped-${name#*/}"
  rm -rf "$draft"
  cp -R "$version" "$draft"
  mv "$draft" "$repository/$name"
  echo "$name is published"
done
