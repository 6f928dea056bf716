/** Networks for other programs: ONNX files, written and read with nothing but the JDK. */
package org.jresnet.export;
