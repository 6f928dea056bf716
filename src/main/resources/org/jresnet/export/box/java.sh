# Read by verify, bench and predict: finds the Java of this box and checks that it can run here.
home=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
java=$home/runtime/bin/java
[ -x "$java" ] || {
  echo "This box was made without Java (--no-runtime). check.py runs its ONNX files with ONNX Runtime or OpenVINO." >&2
  exit 1
}
# oneDNN's library in this box was built against glibc 2.34.
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/glibc //')
case $glibc in
  2.[0-9] | 2.[12][0-9] | 2.3[0-3])
    echo "jresnet needs glibc 2.34 or newer (Ubuntu 22.04, Debian 12); this system has $glibc. check.py runs the ONNX files of this box with ONNX Runtime or OpenVINO, also here." >&2
    exit 1
    ;;
esac
terminal=false
[ -t 1 ] && terminal=true
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-2000}"
# What JavaCPP unpacks stays in the box, where the box can be written.
cache=
[ ! -w "$home" ] || cache=-Dorg.bytedeco.javacpp.cachedir=$home/.cache
jresnet() {
  "$java" -Xms32m -Xmx512m -Xss4m -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
    -Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 ${cache:+"$cache"} \
    -Djava.awt.headless=true -Djresnet.terminal=$terminal ${JRESNET_OPTS:-} \
    -cp "$home/app/*" org.jresnet.cli.Main "$@"
}
