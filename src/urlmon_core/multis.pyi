# Used through cimport only; Python sees no names.
