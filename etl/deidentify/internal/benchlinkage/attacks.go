package main

func attacks(dir string) error { _ = dir; return nil }
