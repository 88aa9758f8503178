# For the linker: every function of the header stays in the image, whoever calls it. Sourced.
#
# Out: $exports, words for the compiler.
exports=$(awk '/^POINTCARD_API/ { on = 1 } on; /;$/ { on = 0 }' include/pointcard.h |
    sed -n 's/.*[ *]\(pointcard_[a-z_]*\)(.*/-Wl,-u,\1/p')
