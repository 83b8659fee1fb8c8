#!/bin/sh
echo "two"
