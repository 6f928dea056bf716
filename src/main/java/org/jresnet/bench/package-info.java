/**
 * Where the time goes: measured ceilings of the machine, a profile of every call in a step, and
 * repeatable timings of whole runs whose values are checked first. Knows no backend by name.
 */
package org.jresnet.bench;
