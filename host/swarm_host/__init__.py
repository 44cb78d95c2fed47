"""The host side: runs agents on competitions, anywhere, and tells what came of it."""
