/**
 * MPI: a binding that {@code tools/build-mpi} compiles on the user's machine against his MPI, and
 * that is loaded only by who asks for ranks.
 */
package org.jresnet.nativebindings.mpi;
